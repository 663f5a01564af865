provider "docker" { stack = "shop" }
variable "flag" { default = true }
resource "service" "web" {
  image    = "web:1"
  command  = "serve --debug=${var.flag}"
}
