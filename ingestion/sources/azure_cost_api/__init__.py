"""Azure's bill through the Cost Management API."""
