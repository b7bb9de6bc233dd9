'use strict';
// Shows only what is about a rule and a field. Without it the whole report is there.
(() => {
  const form = document.getElementById('filter');
  const chosen = { rules: document.getElementById('filter-rule'), fields: document.getElementById('filter-field') };
  const told = document.getElementById('filter-told');
  const parts = [...document.querySelectorAll('[data-kind]')];
  const fits = (part, of) => chosen[of].value === '' || part.dataset[of].split(' ').includes(chosen[of].value);
  const apply = () => {
    const counts = new Map();
    for (const part of parts) {
      part.hidden = !(fits(part, 'rules') && fits(part, 'fields'));
      counts.set(part.dataset.kind, (counts.get(part.dataset.kind) ?? 0) + (part.hidden ? 0 : 1));
    }
    const all = chosen.rules.value === '' && chosen.fields.value === '';
    told.textContent = all ? '' : 'Shown: ' + [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ');
  };
  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('change', apply);
  form.addEventListener('reset', () => setTimeout(apply));
})();
