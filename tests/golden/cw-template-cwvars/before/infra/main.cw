provider "docker" { stack = "shop" }
variable "release" { type = string }
resource "service" "web" {
  image    = "web:${var.release}"
}
