"""GPU metrics and Kubernetes labels through Prometheus."""
