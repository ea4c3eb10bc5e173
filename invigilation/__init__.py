"""The exam office: rules, state machines, the store, and the desk where people ask for things."""
