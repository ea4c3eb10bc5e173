"""What the learner's page keeps on the device and brings later, in node and in a browser."""
