"""The experiments behind `docs/results/`: each measures one claim and publishes a table, a plot and the figures."""
