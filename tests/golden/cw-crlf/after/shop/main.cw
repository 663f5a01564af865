resource "service" "web" {
  image = "b"
  labels = {
    x = "y"
  }
}
