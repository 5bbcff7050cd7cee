// Passkeys in the browser. A form[data-passkey=create|get] is held back until the authenticator has answered the question
// that data-challenge gives (POSTed with the form's own fields); then it goes out with the answer in its field "credential".
const alert = document.getElementById("alert");

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.dataset.passkey || form.elements.credential.value) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (form.ariaBusy !== "true") answer(form);
}, true);

async function answer(form) {
  form.ariaBusy = "true";
  alert.textContent = "";
  form.querySelectorAll("[aria-invalid]").forEach((field) => (field.ariaInvalid = null));
  const [credential, trouble] = await ceremony(form).then((credential) => [credential], (trouble) => [null, trouble]);
  form.ariaBusy = "false";
  if (trouble) return stumble(form, trouble);
  form.elements.credential.value = JSON.stringify(credential);
  form.requestSubmit();
  form.elements.credential.value = ""; // each answer is good once
}

async function ceremony(form) {
  const { passkey, challenge } = form.dataset;
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) throw new Error("This browser cannot use passkeys here. Try a newer one, or another way to sign in.");
  const answer = await fetch(challenge, { method: "POST", body: new URLSearchParams(new FormData(form)) });
  const options = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(options.errors?.map((error) => error.detail).join(" ") ?? options.detail), options);
  const publicKey = passkey === "create" ? PublicKeyCredential.parseCreationOptionsFromJSON(options) : PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials[passkey]({ publicKey });
}

function stumble(form, trouble) {
  const sayings = {
    NotAllowedError: "No passkey was used: there is none for this portal on the device, or it was cancelled, or it took too long. Try again.",
    InvalidStateError: "This device has a passkey for your account already.",
    SecurityError: "Passkeys belong to the address of the portal, which is not the one that you opened here. Open it there, then try again.",
    TypeError: "The server cannot be reached. Check the connection, then try again.",
  };
  alert.textContent = sayings[trouble.name] ?? trouble.message;
  for (const { field } of trouble.errors ?? []) form.elements[field]?.setAttribute("aria-invalid", "true"), form.elements[field]?.focus();
}
