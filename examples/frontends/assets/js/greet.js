// The page ends with this script, so its elements are there.
document.querySelector("#pipeline").textContent = window.words.greeting;
