/** A process that fails as code does, by an error that nobody catches. */
console.log('all is well');
throw new TypeError('the wheel came off');
