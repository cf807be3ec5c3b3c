"""The images of the store, listed and removed by their tags."""

from ingot.inventory.image_list import ListedImage, list_images, total_size
from ingot.inventory.image_removal import Removal, remove_images

__all__ = ["ListedImage", "Removal", "list_images", "remove_images", "total_size"]
