# keep
resource "aws_s3_bucket" "logs" {
  bucket = "logs" # name
  tags = {
    Team = var.team
  }
  names = ["b"]
  rule {
    enabled = true
    days    = 30
  }
}
