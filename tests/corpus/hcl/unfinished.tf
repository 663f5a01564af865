variable "only" {}

resource "null_resource" "last" {
  triggers = { when = "now" }
  # no newline follows the brace
}