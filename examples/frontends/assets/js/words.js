// Loaded first: the other scripts take their words from here.
window.words = { greeting: "Combined by django-pipeline" };
