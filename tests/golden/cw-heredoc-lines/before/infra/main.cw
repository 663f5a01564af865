provider "docker" { stack = "shop" }
variable "tag" {
  type    = string
  default = "1.27" # keep
}
variable "shared" { default = 2 }
variable "ext" { default = "a" }
locals {
  common = { team = "x" }
}
resource "image" "web" {
  name = "nginx"
  tag  = var.tag
}
resource "service" "web" {
  image    = image.web.ref
  replicas = var.shared
  restart  = "always" # r
  environment = merge({ A = "1" }, { B = upper("q") })
  labels = local.common
  cap_add = ["NET_ADMIN"]
  hostname = var.ext
  user = var.shared == 2 ? "root" : "me"
  port {
    container = 80
    host      = 8080
  }
  healthcheck {
    command  = "curl -f localhost"
    interval = "10s"
    retries  = 3
  }
}
resource "service" "db" {
  image = "pg:15"
  replicas = var.shared
  labels = local.common
  command = <<-EOT
    run ${var.tag}
      more
  EOT
}
