"""Changes one value in a file by splicing its byte span; nothing else moves. Pure."""
