throw new Error('born dead')
