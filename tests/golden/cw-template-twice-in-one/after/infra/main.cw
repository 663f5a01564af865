provider "docker" { stack = "shop" }
variable "release" { type = string }
resource "service" "web" {
  image    = "web:1"
  hostname = "web-${var.release}-${var.release}"
}
