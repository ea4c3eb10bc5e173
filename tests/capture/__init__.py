"""The pure parts of the learner's guided capture, run by node as the browser runs them."""
