"""What the machine sees in a picture; the only place that knows OpenCV."""
