resource "service" "web" {
  image = "a"
}
