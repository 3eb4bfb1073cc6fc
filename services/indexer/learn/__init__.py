"""What is learned offline from what people did with answers: read by training, never while a question is answered from the log."""
