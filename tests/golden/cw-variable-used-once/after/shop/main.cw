variable "tag" {
  default = "1.28" # keep
}
resource "service" "web" {
  image = "nginx:${var.tag}"
}
