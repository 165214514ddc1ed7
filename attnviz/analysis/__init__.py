"""From a trace to numbers: pure functions, no colour and no page."""
