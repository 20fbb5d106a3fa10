"""What the station touches: card reader, slot locks and lights. Knows nothing of the agent."""
