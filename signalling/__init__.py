"""The live room: Socket.IO, peers, media forwarding."""
