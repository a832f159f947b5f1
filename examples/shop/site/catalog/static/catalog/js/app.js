// The page's import map says where "shop/format" is in this release, so no hashed name is written here.
import { plural } from "shop/format";

for (const cart of document.querySelectorAll("[data-cart]")) {
  cart.title = plural(Number(cart.dataset.cart), "thing", "things") + " in your cart";
}

// The chunk is loaded when it is first asked for, maybe hours after the page: its release must still be there.
for (const button of document.querySelectorAll("button[data-chunk]")) {
  button.addEventListener("click", async () => {
    const target = document.querySelector(button.dataset.target);
    try {
      const { show } = await import(button.dataset.chunk);
      show(target);
      target.dataset.state = "loaded";
    } catch (error) {
      target.textContent = "The wheel finder could not be loaded.";
      target.dataset.state = "failed";
      throw error;
    }
  });
}

document.documentElement.dataset.ready = "true";
