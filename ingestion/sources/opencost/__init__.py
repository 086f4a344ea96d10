"""In-cluster cost estimates of OpenCost or Kubecost."""
