variable "tag" {
  default = "1.27" # keep
}
resource "service" "web" {
  image = "nginx:${var.tag}"
}
