"""What a Kubernetes object means, who wrote it and how it is; knows no other platform and calls no API server."""
