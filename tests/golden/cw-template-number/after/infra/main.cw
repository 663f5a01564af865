provider "docker" { stack = "shop" }
variable "minor" { default = 28 }
resource "service" "web" {
  image = "nginx:1.${var.minor}-alpine"
}
