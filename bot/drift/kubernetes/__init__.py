"""How a Kubernetes object differs from its declaration: shapes, defaults, owners, health. Pure; knows no other platform."""
