# keep
resource "aws_s3_bucket" "logs" {
  bucket = "logs-$${x}" # name
  count_ = 3
  tags = {
    Name = "l"
    Team = var.team
    Env  = "prod"
  }
  names = ["a", "b", "c"]
  rule {
    enabled = true
    days    = 60
  }
}
