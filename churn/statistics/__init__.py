"""Numbers that every stage uses: log odds and losses, intervals, tests."""
