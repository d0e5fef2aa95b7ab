"""How the flows are started, what their console shows, and how one starts another."""
