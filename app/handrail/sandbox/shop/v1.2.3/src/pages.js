'use strict';

const { ITEMS, money } = require('./catalogue');

function escape(text) {
  return String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function page(title, body) {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escape(title)} · Web shop</title><link rel="stylesheet" href="/shop.css"></head>
<body><header><a href="/">Web shop</a> <a href="/checkout">Checkout</a> <a href="/login">Log in</a></header>
<main><h1>${escape(title)}</h1>
${body}
</main></body>
</html>
`;
}

function home() {
  const rows = [...ITEMS.values()].map((item) => `<li>${escape(item.title)}: ${money(item.cents)}</li>`);
  return page('Welcome to the Web shop', `<ul>${rows.join('')}</ul>`);
}

function login(problem = '') {
  return page(
    'Log in',
    `${problem && `<p class="problem">${escape(problem)}</p>`}
<form method="post" action="/login"><label>Name <input name="user"></label>
<label>Password <input name="password" type="password"></label><button>Log in</button></form>`,
  );
}

function account(user) {
  return page('Your account', `<p>Signed in as ${escape(user)}.</p>`);
}

function checkout() {
  const options = [...ITEMS].map(([key, item]) => `<option value="${key}">${escape(item.title)}</option>`);
  return page(
    'Checkout',
    `<form method="post" action="/checkout"><select name="item">${options.join('')}</select>
<label>Quantity <input name="quantity" value="1"></label>
<label>Coupon <input name="coupon"></label><button>Place order</button></form>`,
  );
}

function confirmation(order) {
  return page('Thank you', `<p>Order ${order.id} is placed: ${money(order.cents)}.</p>`);
}

function problem(status, text) {
  return page(`${status}`, `<p class="problem">${escape(text)}</p>`);
}

module.exports = { home, login, account, checkout, confirmation, problem };
