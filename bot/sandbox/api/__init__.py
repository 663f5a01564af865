"""The REST and GraphQL endpoints, one module per noun."""
