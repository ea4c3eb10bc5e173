"""The clock that asks the exam office for its sweeps."""
