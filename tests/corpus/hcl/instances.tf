resource "google_compute_instance" "mixer" {
  for_each     = { small = "e2-small", large = "e2-standard-4" }
  name         = "mixer-${each.key}"
  machine_type = each.value
  zone         = "europe-west3-a"
  labels       = { team = "dough", tier = "back" }

  boot_disk {
    initialize_params {
      image = "debian-cloud/debian-12"
      size  = 20
    }
  }

  network_interface {
    network = "default"
    access_config {}
  }

  metadata = {
    "enable-oslogin" = "TRUE"
    startup-script   = "echo mixing > /run/state"
  }

  depends_on = [google_compute_network.kitchen]

  provisioner "local-exec" {
    command     = "echo ${self.name} >> mixers.txt"
    when        = create
    environment = { A = "1" }
  }
}

resource "google_compute_network" "kitchen" {
  name                    = "kitchen"
  auto_create_subnetworks = true
  mtu                     = 1460
}

resource "google_storage_bucket" "recipes" {
  name                        = "bakery-recipes"
  location                    = "EU"
  force_destroy               = false
  uniform_bucket_level_access = true

  lifecycle_rule {
    condition {
      age = 30
    }
    action {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }
  }
}

resource "google_storage_bucket_iam_member" "reader" {
  bucket = google_storage_bucket.recipes.name
  role   = "roles/storage.objectViewer"
  member = "group:bakers@example.com"
}
