"""Metrics and reports; they know no model."""
