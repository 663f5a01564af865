provider "docker" { stack = "shop" }
variable "name" { default = "web" }
resource "service" "web" {
  image    = "web:1"
  hostname = "${var.name}.a\"$${x}.example"
}
