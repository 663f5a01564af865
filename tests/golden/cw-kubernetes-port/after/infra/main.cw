provider "kubernetes" { stack = "shop" }
resource "service" "web" {
  image = "web:1"
  port {
    container = 3000
    host      = 8080 # people
  }
}
