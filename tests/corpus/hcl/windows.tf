resource "aws_sns_topic" "bell" {
  name         = "bell"
  display_name = "Dürfen wir? ✅"

  # rings when bread is ready
  delivery_policy = <<EOF
{"http": {"defaultHealthyRetryPolicy": {"numRetries": 3}}}
EOF
}

resource "aws_sns_topic_subscription" "bell" {
  topic_arn = aws_sns_topic.bell.arn
  protocol  = "sqs"
  endpoint  = "arn:aws:sqs:eu-central-1:123456789012:bell"
}
