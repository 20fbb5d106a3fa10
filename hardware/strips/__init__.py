"""Where frames go: one file for each way to light the pixels."""
