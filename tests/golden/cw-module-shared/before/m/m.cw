variable "name" { type = string }
resource "service" "s" {
  name     = var.name
  image    = "a:1"
  hostname = var.name
}
