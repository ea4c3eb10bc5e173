"""What the learner's page does for its link."""
