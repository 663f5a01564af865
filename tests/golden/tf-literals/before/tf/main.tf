# keep
resource "aws_s3_bucket" "logs" {
  bucket = "logs" # name
  count_ = 3
  tags = {
    Name = "logs"
    Team = var.team
  }
  names = ["a", "b"]
  rule {
    enabled = true
    days    = 30
  }
}
