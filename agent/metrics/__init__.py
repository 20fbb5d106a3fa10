"""What the station counts and measures, for Prometheus (docs/metrics.md). Imported only where metrics are turned on."""
