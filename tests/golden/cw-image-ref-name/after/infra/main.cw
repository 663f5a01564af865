provider "docker" { stack = "shop" }
variable "tag" { default = "1.27" }
resource "image" "web" {
  name = "httpd"
  tag  = "${var.tag}-alpine"
}
resource "service" "web" {
  image = image.web.ref
}
