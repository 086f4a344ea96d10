"""Azure's public list prices."""
