"""GPU metrics, Kubernetes labels and events through Prometheus."""
