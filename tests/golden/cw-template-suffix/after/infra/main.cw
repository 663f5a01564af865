provider "docker" { stack = "shop" }
variable "minor" { default = 27 }
resource "service" "web" {
  image = "nginx:1.${var.minor}"
}
