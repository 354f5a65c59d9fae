"""Player, recorder and the demo that runs them around the node, each process in a module of its own."""
